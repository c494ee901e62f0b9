"""A day of a cluster: arrivals with a peak, nodes that are lost, and workers that follow the queue."""
