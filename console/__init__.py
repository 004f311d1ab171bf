"""The page for on-call and analysts: what needs a decision now, and all that is known of it. It reads, and changes nothing."""
