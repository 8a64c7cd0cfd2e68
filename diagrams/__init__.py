"""How a workflow is seen: pictures as text, from the definition that runs."""
