"""sd kubernetes: which hosts EndpointSlices make. Tests are named after the points of the provider's checklist."""
# SPDX-License-Identifier: Apache-2.0
import pytest

from kit.kube_shop import Shop


@pytest.fixture
def shop(start):
    one = Shop(start)
    yield one
    one.close()


def test_p01_one_list_then_a_watch_from_its_version(shop):
    shop.put("cart-1", ["127.0.0.2", "127.0.0.3"])
    version = str(shop.api.version)
    shop.put("cart-2", ["127.0.0.4"], service="another")
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {"127.0.0.2", "127.0.0.3"}
    assert (shop.api.count("list"), shop.api.count("watch")) == (1, 1)
    # The list's own version: none of its items has it.
    assert shop.api.last("watch").query["resourceVersion"] == str(shop.api.version) != version
    shop.put("cart-1", ["127.0.0.3", "127.0.0.5"])
    shop.wait_answering("127.0.0.3", "127.0.0.5")
    assert shop.api.count("list") == 1
