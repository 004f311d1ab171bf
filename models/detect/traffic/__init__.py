"""The traffic bank: what it keeps of a series, how it looks at a bucket, and what it learns from one."""
