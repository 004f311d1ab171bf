"""What turns other people's files into recordings."""
