"""What all commands that process many files share: names and keys of results, their rows, the log, the report."""
