from django_sagas import Refused
from django_sagas.guard.views import steps

from orders.models import Payment


def charge(call):
    if call.data["card"] == "declined":
        return Refused("DECLINED", "The bank declines this card.")
    Payment.objects.create(saga=call.correlation_id, cents=call.data["cents"])
    return {"cents": call.data["cents"]}


def refund(call, answer):
    Payment.objects.create(saga=call.correlation_id, cents=-answer["cents"])
    return {"refunded": answer["cents"]}


urlpatterns = steps("ChargeCard", charge, undo="RefundCard", back=refund, fields=["cents", "card"])
