import pytest

from livecommerce.client import ApiClient, ApiRefused
from livecommerce.people.wire import ContactDraft, ContactView, PersonView
from livecommerce.shows.wire import RoomList
from tests.support.house import OpenedHouse
from tests.support.shop import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_guest_becomes_somebody_by_name_alone(house: OpenedHouse):
    async with ApiClient(house.url) as api:
        tokens = await api.guest("Dana")
        assert (await api.get("/v1/me", PersonView)).id == tokens.person.id


async def test_signing_in_keeps_the_token(house: OpenedHouse):
    person = await house.person()
    async with ApiClient(house.url) as api:
        await api.sign_in(person.login, PASSWORD)
        contact = await api.put("/v1/me/contact", ContactDraft(phone="+966512345678"), ContactView)
        assert contact.phone is not None


async def test_a_refusal_tells_status_code_and_document(house: OpenedHouse):
    async with ApiClient(house.url) as api:
        with pytest.raises(ApiRefused) as refused:
            await api.get("/v1/me", PersonView)
        assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
        with pytest.raises(ApiRefused) as nowhere:
            await api.get("/nowhere", PersonView)
        assert (nowhere.value.status, nowhere.value.code) == (404, "not_found")


async def test_lists_are_typed(house: OpenedHouse):
    await house.shop()
    async with ApiClient(house.url) as api:
        assert (await api.get("/v1/rooms", RoomList)).rooms
