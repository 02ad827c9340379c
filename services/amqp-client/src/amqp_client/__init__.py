"""RabbitMQ on asyncio: connections, channels, confirms, consumers. The one with pika.

What a message means, what becomes of it and when to connect again is its users'.
"""

__version__ = "1.0.0"
