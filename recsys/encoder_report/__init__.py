"""`recsys encoder report`: what an encoder is worth on a labelled library. Offline only."""
