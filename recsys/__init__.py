"""The application: configuration, pipeline, bundle, recommender, evaluation and command line."""
