"""What a workflow is and how one moves: the pure core. It imports nothing of ours and knows no WhatsApp or SQL."""
