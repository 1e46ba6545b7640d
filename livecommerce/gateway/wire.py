"""The union of every command and every event: what the features declared, joined.

Schema, TypeScript types, decoders and the Python client all start from these two names.
"""

from __future__ import annotations

import msgspec

from livecommerce.orders import wire as orders
from livecommerce.protocol import commands as base
from livecommerce.protocol import messages
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
    | shows.VisitorsCounted
    | stock.StockChanged
    | stock.SaleCounted
    | stock.SaleChanged
    | orders.OrderChanged
    | orders.SaleMade
    | orders.Bought
)

REPLIES: dict[type[base.Command], type[msgspec.Struct]] = {
    base.Join: base.Joined,
    base.Leave: base.Done,
    base.Renew: base.Done,
    base.Ping: base.Pong,
    shows.PlanShow: shows.ShowView,
    shows.MoveShow: shows.ShowView,
    shows.AddOffer: shows.OfferView,
    shows.RemoveOffer: base.Done,
    shows.MoveOffer: base.Done,
    shows.PinOffer: shows.PinView,
    shows.PinSale: shows.PinView,
    shows.PinText: shows.PinView,
    shows.Unpin: base.Done,
    shows.UndoPin: base.Done,
    shows.SendChat: shows.ChatPosted,
    shows.SetChatRules: base.Done,
    shows.DeleteMessage: base.Done,
    shows.TimeOut: base.Done,
    shows.Ban: base.Done,
    shows.Lift: base.Done,
    shows.SendLikes: base.Done,
    stock.PlanSale: stock.SaleView,
    stock.ArmSale: stock.SaleView,
    stock.StartSale: stock.SaleView,
    stock.EndSale: stock.SaleView,
    stock.CancelSale: stock.SaleView,
    orders.PlaceOrder: orders.OrderView,
    orders.PayOrder: orders.OrderView,
    orders.CancelOrder: orders.OrderView,
}
"""What each command is answered with (`hello` is answered by the welcome message)."""

AnyMessage = (
    messages.Ok
    | messages.Err
    | messages.Welcome
    | messages.Snapshot
    | messages.Recovered
    | messages.Batch
    | messages.Beat
    | messages.Told
    | messages.Moved
    | messages.Regraded
)
