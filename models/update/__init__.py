"""What of a week is news, and what is the noise that every week has."""
