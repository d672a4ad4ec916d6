"""MediaPipe's Face Landmarker without the package mediapipe: its model file, its face detector, its networks."""
