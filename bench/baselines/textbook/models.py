from django.db import models


class Saga(models.Model):
    correlation_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=20)
    step = models.CharField(max_length=32, default="")
    request = models.JSONField()
    answers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class Event(models.Model):
    saga = models.ForeignKey(Saga, on_delete=models.CASCADE)
    event_type = models.CharField(max_length=40)
    data = models.JSONField()
    timestamp = models.DateTimeField(auto_now_add=True)


class Seat(models.Model):
    flight_id = models.IntegerField()
    correlation_id = models.CharField(max_length=64, db_index=True)
    status = models.CharField(max_length=8)


class Ticket(models.Model):
    reference = models.CharField(max_length=6, db_index=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    passenger = models.CharField(max_length=200)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE)


class Payment(models.Model):
    correlation_id = models.CharField(max_length=64, unique=True)
    user_id = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)


class Award(models.Model):
    correlation_id = models.CharField(max_length=64, unique=True)
    user_id = models.CharField(max_length=64)
    miles = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
