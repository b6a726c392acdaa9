"""The tracker on Kubernetes: a kustomize base, overlays, and what makes their secrets."""
