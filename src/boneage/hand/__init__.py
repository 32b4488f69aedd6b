"""From a radiograph to the network's pixels: the hand is found, brought upright and cut out, and the film judged."""
