"""The parts of the Ray engine: reaching a cluster, and Ray Tune's classes over our director."""
