"""The consent floor for client programs: contacts, and what proves that they dealt with the business."""
