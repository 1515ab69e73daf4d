"""Listens → factors: confidence, ALS, exact fold-in, and the bridge from sound to factors."""
