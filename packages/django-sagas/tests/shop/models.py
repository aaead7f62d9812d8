from django.db import models


class Stock(models.Model):
    sku = models.CharField(max_length=20, primary_key=True)
    free = models.IntegerField()

    class Meta:
        db_table = "shop_stock"

    def __str__(self) -> str:
        return f"{self.free} of {self.sku}"


class Reservation(models.Model):
    correlation_id = models.CharField(max_length=64, unique=True)
    stock = models.ForeignKey(Stock, on_delete=models.CASCADE)

    class Meta:
        db_table = "shop_reservation"

    def __str__(self) -> str:
        return self.correlation_id


class Entry(models.Model):
    """The cashier's ledger: charges are positive, refunds negative."""

    correlation_id = models.CharField(max_length=64)
    amount = models.IntegerField()

    class Meta:
        db_table = "shop_entry"

    def __str__(self) -> str:
        return f"{self.amount} {self.correlation_id}"


class Receipt(models.Model):
    correlation_id = models.CharField(max_length=64)

    class Meta:
        db_table = "shop_receipt"

    def __str__(self) -> str:
        return self.correlation_id
