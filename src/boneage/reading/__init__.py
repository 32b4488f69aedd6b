"""From a film to a `Reading`: examination, predictor, prediction intervals, batches, occlusion maps. Without torch."""
