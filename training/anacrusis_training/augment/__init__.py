"""Changes to finished sound that leave the truth as it is: rooms, filters, saturation, noise, codecs, level.

Every effect keeps the length of the samples and the time of what they hold.
"""

from anacrusis_training.augment.chain import augment

__all__ = ["augment"]
