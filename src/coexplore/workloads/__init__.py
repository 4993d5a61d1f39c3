"""What is computed: ops, graphs of ops, and their way in from and out to ONNX."""
