"""The settings of the vendors beside OpenAI, and which models stand in for which.

A part of Settings. Names and defaults: operations.md.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings

from bff.settings.kinds import (
    A_NAME,
    A_TOKEN,
    AN_URL,
    ANTHROPIC,
    SALESFORCE,
    STRAICO,
    Header,
    Name,
    Url,
    lower,
    model_by_name,
    models,
    models_by_name,
    pairs,
    setting,
)

_VERSION = r"^(v1|[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?)$"
_ORIGIN = "the https address of your My Domain, such as https://acme.my.salesforce.com"


class VendorFields(BaseSettings):
    """Where each vendor is, and as whom it is asked; a vendor without them is not asked."""

    chat_fallback_models: Annotated[tuple[str, ...], BeforeValidator(models)] = setting(
        (),
        "CHAT_FALLBACK_MODELS",
        says="Models to try in order when CHAT_MODEL fails before its first word.",
        may="models written provider/model, comma separated",
    )
    model_fallbacks: Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(models_by_name)] = (
        setting(
            dict,
            "MODEL_FALLBACKS",
            says="The same for other models, by name.",
            may='JSON such as {"openai/gpt-4o":["azure/gpt-4o"]}',
        )
    )
    model_aliases: Annotated[Mapping[str, str], BeforeValidator(model_by_name)] = setting(
        dict,
        "MODEL_ALIASES",
        says="Public names of models; one that ends in * stands for all that begin so.",
        may='JSON such as {"fast":"openai/gpt-4o-mini"}',
    )
    model_list_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        3600.0,
        "MODEL_LIST_SECONDS",
        says="How often vendors are asked which models they have, for /v1/models; 0: never.",
        may="seconds, 0 or more",
    )
    tool_prompt: Annotated[Literal["system", "user"], BeforeValidator(lower)] = setting(
        "system",
        "TOOL_PROMPT",
        says="Which message tells a model without tools of them, where its endpoint has both.",
        may="system or user",
    )
    anthropic_api_key: Header | None = setting(
        None, "ANTHROPIC_API_KEY", says="Anthropic's key.", may=A_TOKEN
    )
    anthropic_base_url: Url = setting(
        ANTHROPIC,
        "ANTHROPIC_BASE_URL",
        says="Where Anthropic is asked directly.",
        may=f"{AN_URL}, such as {ANTHROPIC}",
    )
    azure_openai_api_key: Header | None = setting(
        None, "AZURE_OPENAI_API_KEY", says="Azure OpenAI's key.", may=A_TOKEN
    )
    azure_openai_endpoint: Url | None = setting(
        None,
        "AZURE_OPENAI_ENDPOINT",
        says="The resource's address.",
        may=f"{AN_URL}, such as https://acme.openai.azure.com",
    )
    azure_openai_api_version: Annotated[str, Field(pattern=_VERSION)] | None = setting(
        None,
        "AZURE_OPENAI_API_VERSION",
        says="Version of the classic endpoint; unset or v1: the v1 endpoint.",
        may="v1, or a version such as 2024-10-21",
    )
    azure_openai_deployments: Annotated[Mapping[str, str], BeforeValidator(pairs)] = setting(
        dict,
        "AZURE_OPENAI_DEPLOYMENTS",
        says="Which deployment answers for a model; others have the model's name.",
        may="model=deployment, comma separated",
    )
    azure_openai_resource: Name | None = setting(
        None,
        "AZURE_OPENAI_RESOURCE",
        says="The resource's name in the gateway's path; unset: the first part of its host.",
        may=A_NAME,
    )
    salesforce_consumer_key: Header | None = setting(
        None,
        "SALESFORCE_CONSUMER_KEY",
        says="Consumer key of the external client app.",
        may=A_TOKEN,
    )
    salesforce_consumer_secret: Header | None = setting(
        None, "SALESFORCE_CONSUMER_SECRET", says="Its consumer secret.", may=A_TOKEN
    )
    salesforce_instance_url: Url | None = setting(
        None, "SALESFORCE_INSTANCE_URL", says="Where tokens are fetched.", may=_ORIGIN
    )
    salesforce_api_url: Url = setting(
        SALESFORCE,
        "SALESFORCE_API_URL",
        says="Base of the Models API, with its path.",
        may=f"{AN_URL}, such as {SALESFORCE}",
    )
    salesforce_endpoint: Annotated[
        Literal["chat-generations", "generations"], BeforeValidator(lower)
    ] = setting(
        "chat-generations",
        "SALESFORCE_ENDPOINT",
        says="Which endpoint of the Models API is asked.",
        may="chat-generations or generations",
    )
    salesforce_parameters: bool = setting(
        False,
        "SALESFORCE_PARAMETERS",
        says="Whether temperature and max_tokens are sent, for orgs where that works.",
        may="true or false",
    )
    straico_api_key: Header | None = setting(
        None, "STRAICO_API_KEY", says="Straico's key.", may=A_TOKEN
    )
    straico_base_url: Url = setting(
        STRAICO,
        "STRAICO_BASE_URL",
        says="Where Straico is asked.",
        may=f"{AN_URL}, such as {STRAICO}",
    )
    straico_endpoint: Annotated[Literal["chat", "chat-v0", "prompt"], BeforeValidator(lower)] = (
        setting(
            "chat",
            "STRAICO_ENDPOINT",
            says="Which of its endpoints is asked.",
            may="chat, chat-v0 or prompt",
        )
    )

    @property
    def azure_is_classic(self) -> bool:
        return self.azure_openai_api_version not in (None, "v1")

    @property
    def salesforce_settings_missing(self) -> tuple[str, ...]:
        """The fields that are missing, where some are set and not all."""
        fields = ("consumer_key", "consumer_secret", "instance_url")
        missing = tuple(
            f"salesforce_{field}"
            for field in fields
            if getattr(self, f"salesforce_{field}") is None
        )
        return missing if len(missing) < len(fields) else ()

    @property
    def named_models(self) -> Mapping[str, tuple[str, ...]]:
        """The models each of these fields names."""
        return {
            "chat_fallback_models": self.chat_fallback_models,
            "model_fallbacks": tuple(
                model for models in self.model_fallbacks.values() for model in models
            ),
            "model_aliases": tuple(self.model_aliases.values()),
        }

    @property
    def all_named_models(self) -> tuple[str, ...]:
        return tuple(model for models in self.named_models.values() for model in models)
