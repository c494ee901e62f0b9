"""Who may ask, how much, and whose job is whose."""

from __future__ import annotations

import asyncio
import json
import math
import re
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import api, cli
from service.delivery.jobs import Jobs
from service.delivery.keys import ApiKey, FileKeys, RedisKeys, id_of, issue
from service.delivery.quotas import Limits, Quotas, new_lease
from service.programs import roles
from service.settings import Settings
from service.web import doors
from tests.integration.test_api import assert_problem, form

MakeSettings = Callable[..., Settings]
Connect = Callable[..., Jobs]
ASYNC = {"Prefer": "respond-async"}
NO_LIMITS = Limits()


@dataclass
class House:
    """An API whose doors are locked, and what makes keys for it."""

    client: httpx.AsyncClient
    keys: RedisKeys

    async def key(self, limits: Limits = NO_LIMITS, **changes: Any) -> tuple[ApiKey, dict[str, str]]:
        """A key and the header that carries it."""
        key, token = issue("tests", limits)
        key = key.model_copy(update=changes)
        await self.keys.put(key)
        return key, {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def house_of(settings: Settings, jobs: Jobs) -> AsyncIterator[House]:
    transport = httpx.ASGITransport(api.create(settings, jobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://spectrum", timeout=30) as client:
        yield House(client, RedisKeys(jobs.broker))


@pytest.fixture
async def house(make_settings: MakeSettings, jobs: Jobs) -> AsyncIterator[House]:
    async with house_of(make_settings(auth="keys"), jobs) as house:
        yield house


@pytest.fixture
def quotas(jobs: Jobs) -> Quotas:
    return Quotas(jobs.broker, lease_seconds=60)


class TestKeys:
    """A key opens, and nothing else does."""

    async def test_without_a_key_nobody_gets_in(self, house: House):
        for method, path in (("POST", "/parse"), ("GET", "/jobs/1"), ("DELETE", "/jobs/1")):
            response = await house.client.request(method, path)
            assert_problem(response, 401, "api_key_missing")
            assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("path", ["/", "/livez", "/info", "/docs", "/openapi.json", "/metrics"])
    async def test_what_tells_of_the_service_itself_stays_open(self, house: House, path: str):
        assert (await house.client.get(path)).status_code == 200
        assert (await house.client.get("/readyz")).status_code == 503  # no worker, and not 401

    async def test_metrics_can_be_locked(self, make_settings: MakeSettings, jobs: Jobs):
        async with house_of(make_settings(auth="keys", metrics_open=False), jobs) as house:
            assert_problem(await house.client.get("/metrics"), 401, "api_key_missing")
            _, header = await house.key()
            assert (await house.client.get("/metrics", headers=header)).status_code == 200

    async def test_a_key_opens_in_either_header(self, house: House):
        _, header = await house.key()
        token = header["Authorization"].removeprefix("Bearer ")
        for headers in (header, {"X-API-Key": token}, {"Authorization": f"bearer  {token}"}):
            response = await house.client.post("/parse", **form(), headers=headers | ASYNC)
            assert response.status_code == 202, response.text

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
            lambda token: token + "A",
            lambda token: token[:-1],
            lambda token: token.replace("sp_", "xx_"),
            lambda token: "sp_" + "0" * 12 + token[15:],
            lambda token: token.upper(),
            lambda _: "",
            lambda _: "sp__",
            lambda _: "*",
        ],
    )
    async def test_what_is_not_quite_a_key_is_none(self, house: House, spoil: Callable[[str], str]):
        _, header = await house.key()
        wrong = {"Authorization": "Bearer " + spoil(header["Authorization"].removeprefix("Bearer "))}
        response = await house.client.get("/jobs/1", headers=wrong)
        assert_problem(response, 401, "api_key_invalid")
        assert response.headers["www-authenticate"].startswith("Bearer")

    async def test_another_scheme_is_no_key(self, house: House):
        response = await house.client.get("/jobs/1", headers={"Authorization": "Basic YTpi"})
        assert_problem(response, 401, "api_key_invalid")

    async def test_a_revoked_key_and_an_expired_one_are_told_as_such(self, house: House):
        for changes, code in (
            ({"revoked": True}, "api_key_revoked"),
            ({"expires": int(time.time()) - 1}, "api_key_expired"),
        ):
            _, header = await house.key(**changes)
            assert_problem(await house.client.get("/jobs/1", headers=header), 403, code)

    async def test_revoking_works_at_once(self, house: House):
        key, header = await house.key()
        assert (await house.client.get("/jobs/1", headers=header)).status_code == 404
        await house.keys.put(key.model_copy(update={"revoked": True}))
        assert (await house.client.get("/jobs/1", headers=header)).status_code == 403

    async def test_no_secret_is_kept(self, house: House, jobs: Jobs):
        _, header = await house.key()
        secret = header["Authorization"].rpartition("_")[2]
        kept = await jobs.broker.client.hvals(jobs.broker.key("keys"))
        assert len(kept) == 1
        assert secret.encode() not in kept[0]

    @given(st.text(max_size=80))
    def test_no_text_at_all_breaks_the_reading_of_a_key(self, text: str):
        found = id_of(text)
        assert found is None or re.fullmatch(r"[0-9a-f]{12}", found)


class TestAuto:
    """Open on this machine alone; elsewhere an API without keys does not start."""

    @pytest.mark.parametrize(
        ("auth", "host", "locked"),
        [
            ("auto", "127.0.0.1", False),
            ("auto", "127.0.0.9", False),
            ("auto", "::1", False),
            ("auto", "localhost", False),
            ("auto", "0.0.0.0", True),
            ("auto", "::", True),
            ("auto", "192.168.1.7", True),
            ("auto", "spectrum.example", True),
            ("open", "0.0.0.0", False),
            ("keys", "127.0.0.1", True),
        ],
    )
    def test_keys_are_needed_where_others_can_ask(self, auth: str, host: str, locked: bool):
        assert doors.needs_keys(Settings.model_validate({"auth": auth, "host": host})) is locked

    async def test_a_request_from_elsewhere_needs_a_key_whatever_the_host_setting_says(
        self, make_settings: MakeSettings, jobs: Jobs
    ):
        """As when somebody runs the application on another server than ours."""
        app = api.create(make_settings(), jobs)
        for host, status in (("127.0.0.1", 404), ("10.1.2.3", 401)):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                assert (await client.get("/jobs/1")).status_code == status

    async def test_an_open_api_does_not_start_by_mistake(self, make_settings: MakeSettings, jobs: Jobs):
        settings = make_settings(host="0.0.0.0")
        with pytest.raises(roles.Refused, match=r"'spectrum keys create NAME'.*SPECTRUM_AUTH=open"):
            await roles.guarded(settings, jobs)
        await roles.guarded(make_settings(host="0.0.0.0", auth="open"), jobs)
        key, _ = issue("first", NO_LIMITS)
        await RedisKeys(jobs.broker).put(key.model_copy(update={"revoked": True}))
        with pytest.raises(roles.Refused):
            await roles.guarded(settings, jobs)
        await RedisKeys(jobs.broker).put(key)
        await roles.guarded(settings, jobs)

    async def test_a_broken_file_of_keys_is_refused_at_the_start(
        self, make_settings: MakeSettings, jobs: Jobs, tmp_path: Path
    ):
        path = tmp_path / "keys.json"
        settings = make_settings(host="0.0.0.0", keys_file=path)
        for text in (None, "", "[]", '{"keys": [{"id": "x"}]}', '{"keys": 1}'):
            if text is not None:
                path.write_text(text)
            with pytest.raises(roles.Refused, match="SPECTRUM_KEYS_FILE"):
                await roles.guarded(settings, jobs)


class TestFile:
    """Keys in a file are as good as those in Redis."""

    async def test_a_file_is_read_again_when_it_has_changed(
        self, make_settings: MakeSettings, jobs: Jobs, tmp_path: Path
    ):
        path = tmp_path / "keys.json"
        first, first_token = issue("first", NO_LIMITS)
        await FileKeys(path).put(first)
        async with house_of(make_settings(auth="keys", keys_file=path), jobs) as house:

            async def status(token: str) -> int:
                return (await house.client.get("/jobs/1", headers={"X-API-Key": token})).status_code

            assert await status(first_token) == 404
            second, second_token = issue("second", NO_LIMITS)
            assert await status(second_token) == 401
            await FileKeys(path).put(second)
            assert (await status(first_token), await status(second_token)) == (404, 404)
            await FileKeys(path).put(first.model_copy(update={"revoked": True}))
            assert await status(first_token) == 403
            path.write_text("{ torn")
            assert (await status(first_token), await status(second_token)) == (403, 404)

    async def test_a_file_is_its_owner_s_alone_and_holds_no_secret(self, tmp_path: Path):
        path = tmp_path / "keys.json"
        key, token = issue("a", Limits(60, 2, 1_000))
        await FileKeys(path).put(key)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert token.rpartition("_")[2] not in path.read_text()
        assert await FileKeys(path).all() == [key]


class TestLimits:
    """A key's limits are kept, and each refusal says when to come back."""

    async def test_the_rate_is_so_many_pictures_a_minute(self, house: House):
        _, header = await house.key(Limits(rate=3))
        for remaining in (2, 1, 0):
            response = await house.client.post("/parse", **form(), headers=header | ASYNC)
            assert response.status_code == 202
            assert response.headers["ratelimit-policy"] == '"minute";q=3;w=60'
            assert re.fullmatch(rf'"minute";r={remaining};t=\d+', response.headers["ratelimit"])
            assert response.headers["ratelimit-limit"] == "3"
            assert response.headers["ratelimit-remaining"] == str(remaining)
        response = await house.client.post("/parse", **form(), headers=header | ASYNC)
        assert_problem(response, 429, "rate_limited")
        assert 18 <= int(response.headers["retry-after"]) <= 20
        assert response.json()["retry_after"] == int(response.headers["retry-after"])

    async def test_the_day_s_quota_ends_at_midnight(self, house: House):
        _, header = await house.key(Limits(daily=1))
        assert (await house.client.post("/parse", **form(), headers=header | ASYNC)).status_code == 202
        response = await house.client.post("/parse", **form(), headers=header | ASYNC)
        assert_problem(response, 429, "quota_exceeded")
        midnight = 86_400 - time.time() % 86_400
        assert abs(int(response.headers["retry-after"]) - midnight) < 60 or midnight < 60

    async def test_a_refused_picture_is_not_the_day_s(self, house: House):
        _, header = await house.key(Limits(daily=1))
        for _ in range(3):
            response = await house.client.post("/parse", **form(b"no picture"), headers=header)
            assert response.status_code == 415
        assert (await house.client.post("/parse", **form(), headers=header | ASYNC)).status_code == 202

    async def test_so_many_requests_may_be_open_at_once(self, house: House, jobs: Jobs):
        key, header = await house.key(Limits(concurrency=2))
        _, other = await house.key(Limits(concurrency=2))
        wait = {"Prefer": "wait=1"}  # no worker is there, so the wait is what it takes
        held = [
            asyncio.create_task(house.client.post("/parse", **form(), headers=header | wait))
            for _ in range(2)
        ]
        while await jobs.broker.client.zcard(jobs.broker.key("open", key.id)) < 2:
            await asyncio.sleep(0.01)
        response = await house.client.post("/parse", **form(), headers=header | ASYNC)
        assert_problem(response, 429, "concurrency_limited")
        assert int(response.headers["retry-after"]) == 1
        assert (await house.client.post("/parse", **form(), headers=other | ASYNC)).status_code == 202
        assert [(await one).status_code for one in held] == [202, 202]
        for _ in range(3):  # a place is free by the time that the answer is there
            response = await house.client.post("/parse", **form(), headers=header | ASYNC)
            assert response.status_code == 202

    async def test_asking_after_a_job_costs_nothing(self, house: House):
        _, header = await house.key(Limits(rate=1, daily=1, concurrency=1))
        for _ in range(4):
            assert (await house.client.get("/jobs/1", headers=header)).status_code == 404

    async def test_two_replicas_share_the_counts(self, make_settings: MakeSettings, connect: Connect):
        settings = make_settings(auth="keys")
        async with house_of(settings, connect()) as one, house_of(settings, connect()) as other:
            _, header = await one.key(Limits(rate=1))
            assert (await one.client.post("/parse", **form(), headers=header | ASYNC)).is_success
            assert_problem(await other.client.post("/parse", **form(), headers=header), 429, "rate_limited")

    async def test_the_places_of_a_replica_that_died_come_back(self, jobs: Jobs):
        dying, limits = Quotas(jobs.broker, lease_seconds=0.05), Limits(concurrency=1)
        assert (await dying.enter("k", limits, lease=new_lease())).granted == 1
        while not (await dying.enter("k", limits, lease=new_lease())).granted:
            await asyncio.sleep(0.01)

    async def test_a_request_that_is_sent_again_is_charged_once(self, quotas: Quotas):
        lease, limits = new_lease(), Limits(rate=5, concurrency=1, daily=5)
        for _ in range(3):
            entry = await quotas.enter("k", limits, lease=lease)
            assert entry.granted == 1
            assert [left.remaining for left in entry.left] == [4, 4]
        for _ in range(2):
            await quotas.exit("k", lease, give_back=1)
        assert [left.remaining for left in (await quotas.enter("k", limits)).left] == [3, 4]

    async def test_pictures_of_a_batch_are_let_in_as_far_as_there_is_room(self, quotas: Quotas):
        entry = await quotas.enter("k", Limits(rate=10, daily=4), pictures=9)
        assert (entry.granted, entry.reason) == (4, "quota")
        entry = await quotas.enter("k", Limits(rate=10), pictures=9)
        assert (entry.granted, entry.reason) == (6, "rate")
        assert 1 <= entry.retry_seconds <= 6
        entry = await quotas.enter("k", Limits(rate=10), pictures=1)
        assert (entry.granted, entry.reason) == (0, "rate")

    @pytest.mark.parametrize("rate", [1, 3, 7, 60, 1_000, 99_991])
    async def test_a_rested_key_has_its_whole_minute(self, quotas: Quotas, rate: int):
        entry = await quotas.enter("k", Limits(rate=rate), pictures=rate + 5)
        assert entry.granted == rate
        (left,) = entry.left
        assert left.reset_seconds == 60
        assert left.remaining <= math.ceil(rate / 60)


class TestOwners:
    """A job is its maker's alone."""

    async def test_another_s_job_is_as_good_as_none(self, house: House):
        _, mine = await house.key()
        _, theirs = await house.key()
        made = await house.client.post("/parse", **form(), headers=mine | ASYNC)
        location = made.headers["location"]
        assert (await house.client.get(location, headers=mine)).json()["status"] == "queued"
        for method in ("GET", "DELETE"):
            assert_problem(await house.client.request(method, location, headers=theirs), 404, "job_not_found")
        assert (await house.client.get(location, headers=mine)).json()["status"] == "queued"
        assert (await house.client.delete(location, headers=mine)).json()["status"] == "cancelled"

    def test_a_job_from_before_there_were_keys_is_everybody_s_who_needs_none(self):
        @dataclass
        class View:
            caller: str

        one = doors.Caller("1", "one")
        assert doors.owns(one, View("1"))
        assert not doors.owns(one, View("2")) and not doors.owns(one, View(""))
        assert doors.owns(doors.EVERYBODY, View("")) and not doors.owns(doors.EVERYBODY, View("1"))


class TestCommand:
    """`spectrum keys` makes keys that open."""

    @pytest.fixture
    def run(
        self, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., tuple[int, list[str]]]:
        settings = make_settings()
        monkeypatch.setenv("REDIS_URL", str(settings.redis_url))
        monkeypatch.setenv("SPECTRUM_KEY_PREFIX", settings.key_prefix)

        def run(*arguments: str) -> tuple[int, list[str]]:
            status = cli.main(["keys", *arguments])
            told = capsys.readouterr()
            return status, (told.out + told.err).splitlines()

        return run

    def test_a_key_is_made_listed_and_revoked(self, run: Callable[..., tuple[int, list[str]]]):
        limits = ["--rate", "60/min", "--concurrency", "4", "--daily", "1000", "--expires", "2999-12-31"]
        status, told = run("create", "the shop", *limits)
        key_id = id_of(told[-1])
        assert status == 0 and key_id is not None
        (line,) = run("list")[1]
        for part in (key_id, "the shop", "60 a minute", "4 at once", "1000 a day", "until 2999-12-31"):
            assert part in line
        assert told[-1] not in line
        assert run("revoke", key_id)[0] == 0
        assert "revoked" in run("list")[1][0]
        assert run("revoke", "0" * 12)[0] == 1

    def test_a_key_in_a_file_needs_no_redis(
        self,
        run: Callable[..., tuple[int, list[str]]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ):
        path = tmp_path / "keys.json"
        monkeypatch.delenv("REDIS_URL")
        assert run("create", "a")[0] == 2  # nowhere to keep it
        monkeypatch.setenv("SPECTRUM_KEYS_FILE", str(path))
        assert run("create", "a")[0] == run("create", "b")[0] == 0
        assert [key["name"] for key in json.loads(path.read_text())["keys"]] == ["a", "b"]
        path.write_text("torn")
        assert run("create", "c")[0] == 2
        assert path.read_text() == "torn"

    def test_what_makes_no_key_is_refused(self, run: Callable[..., tuple[int, list[str]]]):
        assert run("create", "a", "--expires", "2001-01-01")[0] == 2
        assert run("create", "")[0] == 2
        assert run("list") == (0, [])
        for wrong in (["--rate", "0"], ["--rate", "fast"], ["--expires", "soon"]):
            with pytest.raises(SystemExit):
                run("create", "a", *wrong)
