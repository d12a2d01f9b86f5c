"""From weights to a model folder: safetensors, ONNX, manifest and card, and the proof that they say the same."""
