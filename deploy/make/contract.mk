.PHONY: contract
contract: setup ## the AsyncAPI document and the JSON Schemas in deploy/contract, from the domain's models
	@$(BIN)/python -m services.contract.documents deploy/contract
