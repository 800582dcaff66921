"""Foreign network files in, ONNX out. Only this folder imports onnx."""
