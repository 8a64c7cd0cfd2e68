"""The words of orders: documents, couriers' status words, why deliveries fail and what may be done about it."""
