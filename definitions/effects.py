"""The effects that the shipped definitions ask for. They are decided with a step and wait until they are delivered."""

from definitions.binding import effect

effect("notify_shipped", "tell the customer that the parcel is on its way")
effect("notify_out_for_delivery", "tell the customer that the parcel comes today")
effect("notify_shipment_delayed", "tell the customer that the parcel is late")
effect("notify_delivered", "tell the customer that the parcel was delivered")
effect("notify_cancelled", "tell the customer that the order was cancelled")
effect("notify_rto", "tell the customer that the parcel goes back")
effect("notify_rto_delivered", "tell the customer that the parcel is back with the seller")
effect("notify_return_approved", "tell the customer that the return was approved")
effect("notify_return_picked_up", "tell the customer that the return was picked up")
effect("notify_return_complete", "tell the customer that the return is complete")
effect("alert_damage", "tell staff that a parcel was damaged")
effect("alert_lost", "tell staff that a parcel was lost")
effect("alert_inquiry", "tell staff that a customer asked about a product")
effect("ask_customer", "ask the customer what to do about the failed delivery")
effect("remind_customer", "remind the customer of the open question")
effect("send_resolution", "tell the courier what the customer chose")
effect("tell_rejection", "tell the customer that the courier refused what they chose")
