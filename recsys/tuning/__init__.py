"""`recsys tune`: the search, and what is searched: the collaborative model, then the ranker."""
