"""The ways to more than one machine, each run for real: partitions, Sentinel, Cluster, a replica of Postgres, workers elsewhere."""
