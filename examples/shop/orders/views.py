from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django_sagas.runtime import start
from django_sagas.selectors import Filters, list_sagas

from orders.sagas import PlaceOrder


@csrf_exempt
def orders(request):
    if request.method == "POST":
        data = {"product": request.POST["product"], "cents": 1999}
        saga = start(PlaceOrder, data, secrets={"card": request.POST["card"]})
        return JsonResponse({"order": saga.correlation_id}, status=202)
    sagas, _ = list_sagas(Filters(limit=1))  # The newest.
    shown = [{"status": saga.status, **{step.name: step.status for step in saga.steps}} for saga in sagas]
    return JsonResponse({"newest": shown})
