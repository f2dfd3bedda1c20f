"""The example report of the API document, as the service pushes it."""

PUSHED = {
    "Servicio": "RCS",
    "Estado": "11",
    "Agente": "my-rcs-agent",
    "Destinatario": "34600000001",
    "RefCampaign": "12333-4545-23233",
    "RefMensaje": "36578294H",
    "Fecha": "2020-12-03 11:14:24",
    "idCampaign": "10573758",
    "idMensaje": "33434444443",
}
