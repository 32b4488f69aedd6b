"""From a radiograph to the network's pixels: the hand found, brought upright, cut, and the film judged."""
