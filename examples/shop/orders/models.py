from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=40, unique=True)
    stock = models.PositiveIntegerField()


class Order(models.Model):
    saga = models.CharField(max_length=64, unique=True, help_text="its correlation id")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    state = models.CharField(max_length=10)


class Payment(models.Model):
    saga = models.CharField(max_length=64)
    cents = models.IntegerField(help_text="a refund is negative")
