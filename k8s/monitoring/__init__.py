"""What is watched: Grafana's dashboard and Prometheus's alerts, written from one source."""
