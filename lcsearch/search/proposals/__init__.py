"""What is tried: planned models first, then what a sampler proposes."""
