"""A prepared film to a `Reading`: predictor, prediction intervals, batches, occlusion maps. Never torch."""
