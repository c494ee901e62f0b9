"""What the service tells of its work beside metrics: log lines and traces."""
