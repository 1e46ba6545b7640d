"""The union of every command and every event: what the features declared, joined.

Schema, TypeScript types, decoders and the Python client all start from these two names.
"""

from __future__ import annotations

from livecommerce.orders import wire as orders
from livecommerce.protocol import commands as base
from livecommerce.shows import wire as shows
from livecommerce.stock import wire as stock

AnyCommand = (
    base.Hello
    | base.Join
    | base.Leave
    | base.Renew
    | base.Ping
    | shows.PlanShow
    | shows.MoveShow
    | shows.AddOffer
    | shows.RemoveOffer
    | shows.MoveOffer
    | shows.PinOffer
    | shows.PinSale
    | shows.PinText
    | shows.Unpin
    | shows.UndoPin
    | shows.SendChat
    | shows.SetChatRules
    | shows.DeleteMessage
    | shows.TimeOut
    | shows.Ban
    | shows.Lift
    | shows.SendLikes
    | stock.PlanSale
    | stock.ArmSale
    | stock.StartSale
    | stock.EndSale
    | stock.CancelSale
    | orders.PlaceOrder
    | orders.PayOrder
    | orders.CancelOrder
)

AnyEvent = (
    shows.ShowChanged
    | shows.BagChanged
    | shows.PinChanged
    | shows.ChatPosted
    | shows.ChatRemoved
    | shows.ChatRules
    | shows.Sanctioned
    | shows.LikesCounted
    | shows.ViewersCounted
    | stock.StockChanged
    | stock.SaleCounted
    | stock.SaleChanged
    | orders.OrderChanged
    | orders.SaleMade
    | orders.Bought
)
