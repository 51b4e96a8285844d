"""SmolVLM2 (Marafioti et al., 2025)."""
