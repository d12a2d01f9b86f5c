"""From a corpus to weights: packing, crops, augmentation of bands, targets, losses, the training loop, calibration."""
