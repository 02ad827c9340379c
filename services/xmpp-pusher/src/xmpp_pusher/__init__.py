"""The pusher: moves Aviso's events from RabbitMQ to the rooms of ejabberd."""
