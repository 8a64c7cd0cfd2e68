"""The effects that the shipped definitions ask for. They are decided with a step and wait until they are delivered."""

from definitions.binding import effect
from definitions.messages.compose import message
from definitions.orders import taps  # noqa: F401 - its effects are declared by being imported
from definitions.orders.telling import alert, resolution, silence

effect("notify_created", "tell the customer that the order was received")(message)
effect("notify_shipped", "tell the customer that the parcel is on its way")(message)
effect("notify_out_for_delivery", "tell the customer that the parcel comes today")(message)
effect("notify_shipment_delayed", "tell the customer that the parcel is late")(message)
effect("notify_delivered", "tell the customer that the parcel was delivered")(message)
effect("notify_cancelled", "tell the customer that the order was cancelled")(message)
effect("notify_rto", "tell the customer that the parcel goes back")(message)
effect("notify_rto_delivered", "tell the customer that the parcel is back with the seller")(message)
effect("notify_return_approved", "tell the customer that the return was approved")(message)
effect("notify_return_picked_up", "tell the customer that the return was picked up")(message)
effect("notify_return_complete", "tell the customer that the return is complete")(message)
effect("alert_damage", "tell staff that a parcel was damaged")(alert)
effect("alert_lost", "tell staff that a parcel was lost")(alert)
effect("alert_staff", "tell staff that a case needs them")(alert)
effect("alert_inquiry", "tell staff that a customer asked about a product")(alert)
effect(
    "ask_customer",
    "ask the customer what to do about the failed delivery",
    done="customer_asked",
    dead="customer_not_asked",
)(message)
effect("remind_customer", "remind the customer of the open question")(message)
effect(
    "apply_silence_policy",
    "let the courier do what it does when nobody answers",
    dead="resolution_undelivered",
)(silence)
effect(
    "send_resolution",
    "tell the courier what the customer chose",
    done="resolution_sent",
    accepted="resolution_accepted",
    refused="resolution_rejected",
    dead="resolution_undelivered",
)(resolution)
effect("tell_rejection", "tell the customer that the courier refused what they chose")(message)
