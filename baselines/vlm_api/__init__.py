"""Any vision-language model behind an OpenAI-compatible endpoint, for RMEG."""
