"""What every run over many files shares: names of results, failures as rows, the report, the sidecar."""
