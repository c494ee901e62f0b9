"""Write the dashboard and the alerts: `python -m k8s.monitoring`."""

from k8s.monitoring.outputs import write

write()
