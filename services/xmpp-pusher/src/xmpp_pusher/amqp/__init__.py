"""RabbitMQ, by way of amqp_client: the only package that uses it, but for values."""
