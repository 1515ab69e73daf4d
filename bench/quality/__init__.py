"""Quality of recommendations: the hybrid beside its parts, baselines and published numbers."""
