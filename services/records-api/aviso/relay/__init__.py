"""The relay moves the outbox to RabbitMQ; its README beside this file tells how."""
