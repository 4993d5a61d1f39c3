"""What came out: tables, one page to look at, and a bundle to take away. Reads studies, writes files."""
