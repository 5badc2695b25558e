"""Window -> class scores: front end, model bundle, recogniser."""
